"""The laboratory of the book: studies, results, figures, widgets.

It needs the extra ``lab`` (``pip install 'neural-odes[lab]'``); the library
does not know it.
"""
