"""Where the engine's search runs when it is not on this machine's cores alone.

A runner is one function, called as `engine.search.find` is, with the same answer bit for bit. The spine stays
`engine/link.py`: it learns, rehearses and decides where it is called; what is dear, finding the best pairs of all rows,
goes to the runner. `pieces.py` is what a runner's tasks do, without any framework; `spark.py` has Spark do it.
"""
