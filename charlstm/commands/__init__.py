"""What each command does: which packages make it up, in which order.

Torch takes seconds to import. So each function first does what needs no torch, and a mistake in what was typed is answered
at once; the imports that follow stand where they are needed.
"""
