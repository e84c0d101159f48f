"""The laboratory of the book: studies, results, figures, widgets.

Which file answers which question:

- study, config, studies/: what is measured, under which settings?
- data/: on which images, on which graph?
- runner, sources, records: how does it run, resume and stay whole as a file?
- judges, verdicts, multiverse: what does a claim say, and does it hold?
- results, tables, markup, evidence, report: how is it read and shown?
- ledger, paper: what became of each claim?
- plot/, widgets/: how is it drawn, still and moving?
- exercises: is the reader's function right?
- cli: ``python -m neural_odes_lab``.

It needs the extra ``lab`` (``pip install 'neural-odes[lab]'``); the library
does not know it.
"""
