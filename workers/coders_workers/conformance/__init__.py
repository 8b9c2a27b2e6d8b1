"""Does a tool's adapter still fit a version of the tool? The real CLI, driven against a stub.

``coders agents conform TOOL@VERSION`` prints what holds. Everything but the table of how a CLI is
pointed at the stub (:mod:`~coders_workers.conformance.wiring`) works from the adapter interface.
"""
