package exchange.agreement_test

import data.exchange.agreement
import data.exchange.testing_test as t

test_met if agreement.unmet == set() with input as t.question

# Each change leaves exactly these conditions unmet.
cases := [
	{"input": t.agreeing("status", "draft"), "unmet": {"agreement.active"}},
	{"input": t.asking("version", 2), "unmet": {"agreement.version"}},
	{"input": t.asking("agreement", "other"), "unmet": {"agreement.version"}},
	{"input": t.asking("agreement_digest", "e"), "unmet": {"agreement.version"}},
	{"input": t.agreeing("valid_from", 2000000501), "unmet": {"agreement.valid-from"}},
	{"input": t.agreeing("valid_from", 2000000500), "unmet": set()},
	{"input": t.agreeing("valid_to", 2000000500), "unmet": {"agreement.valid-to"}},
	{"input": t.agreeing("valid_to", 2000000501), "unmet": set()},
	{"input": t.agreeing("review_by", 2000000500), "unmet": {"agreement.review-by"}},
	{"input": t.agreeing("dpia_review_by", 2000000500), "unmet": {"agreement.dpia-review"}},
	{"input": t.asking("requester", {"role": "processor"}), "unmet": {"agreement.requester"}},
	{"input": t.asking("requester", {"regime": "part3"}), "unmet": {"agreement.requester"}},
	{"input": t.asking("provider", {"type": "police"}), "unmet": {"agreement.provider"}},
	{"input": t.asking("requester", {"org": "x"}), "unmet": {"agreement.requester", "agreement.flow"}},
	{"input": t.asking("purpose", "x"), "unmet": {"agreement.purpose", "agreement.flow"}},
	{
		"input": t.agreeing("flows", array.concat(t.agreement.flows, t.agreement.flows)),
		"unmet": {"agreement.flow"},
	},
	{"input": t.asking("attributes", []), "unmet": {"agreement.attributes-named"}},
	{"input": t.asking("user_role", "officer"), "unmet": {"agreement.asker"}},
	{
		"input": t.asking("assertions", [{"condition": "c", "by": "officer", "at": 2000000501, "ref": "r"}]),
		"unmet": {"agreement.assertions"},
	},
	{"input": {}, "unmet": agreement.conditions},
]

test_each if {
	every case in cases {
		found := agreement.unmet with input as case.input
		found == case.unmet
	}
}
