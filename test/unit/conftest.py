"""A busy machine is no reason for a property to fail."""

import hypothesis

hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")
