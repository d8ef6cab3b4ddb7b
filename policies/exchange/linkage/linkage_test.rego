package exchange.linkage_test

import data.exchange.linkage
import data.exchange.testing_test as t

known(changes) := t.asking("linkage", changes)

at_first(operation, changes) := object.union(known(changes), {"request": {"operation": operation}})

covered(what) := object.union(t.agreeing("population", {what: true}), {"agreement": {"reverse_disclosure": {what: true}}})

test_met if linkage.unmet == set() with input as t.question

cases := [
	{"input": known({"method": "other"}), "unmet": {"linkage.method"}},
	{"input": known({"cohort_rows": 101}), "unmet": {"linkage.cohort-rows"}},
	{"input": known({"cohort_rows": -2}), "unmet": {"linkage.cohort-rows"}},
	{"input": known({"cohort_rows": -1}), "unmet": set()},
	{"input": known({"links": 51}), "unmet": {"linkage.links"}},
	{"input": known({"links": -1}), "unmet": {"linkage.links"}},
	{"input": known({"links": 0}), "unmet": set()},
	{"input": known({"precision_bp": 9799}), "unmet": {"linkage.precision"}},
	{"input": known({"precision_bp": 9800}), "unmet": set()},
	{"input": known({"precision_bp": -1}), "unmet": {"linkage.precision"}},
	{"input": at_first("ask", {"links": -1, "precision_bp": -1}), "unmet": set()},
	{"input": at_first("link", {"links": -1, "precision_bp": -1}), "unmet": set()},
	{"input": t.agreeing("reverse_disclosure", {"covered": false}), "unmet": {"linkage.reverse-covered"}},
	{"input": t.agreeing("population", {"special": true}), "unmet": {"linkage.reverse-special"}},
	{"input": t.agreeing("population", {"offence": true}), "unmet": {"linkage.reverse-offence"}},
	{"input": covered("special"), "unmet": set()},
	{"input": covered("offence"), "unmet": set()},
	{"input": {}, "unmet": linkage.conditions},
]

test_each if {
	every case in cases {
		found := linkage.unmet with input as case.input
		found == case.unmet
	}
}
