"""The linkage engine: two registers' columns in, links out. No network, no policy and no people's names in it.

`link.py` is its spine. Weights and thresholds are learned without labels from each party's own register and a few
means (`party.py`, `rake.py`, `rehearse.py`); how pairs are found stands in `search.py`.
"""
