"""A stand-in for the model services that agent CLIs talk to, on loopback.

The conformance suite and the tests drive the real CLIs against it. It knows nothing of the rest of
the project. One file an API; what to answer is one script for all of them; a journal says what
arrived, when, and what the stub claimed that its answers cost.
"""
