package exchange.gateway_test

import data.exchange.gateway
import data.exchange.testing_test as t

s115 := "crime_and_disorder_act_1998_s115"

s213b := "housing_act_1996_s213b"

referral := "direct_referral_consent"

# The question with other gateways, types of organisation and assertions.
question(gateways, provider, requester, assertions) := object.union(t.of_flow("gateways", gateways), {"request": {
	"provider": {"type": provider},
	"requester": {"type": requester},
	"assertions": assertions,
}})

asserted := [{"condition": "s115-necessary-or-expedient", "by": "officer", "at": 1, "ref": "cda-1998-s6"}]

test_possible if {
	every case in [
		{"input": question([referral], "health", "housing", []), "possible": [referral]},
		{"input": question([referral], "police", "housing", []), "possible": []},
		{"input": question([s115, referral], "health", "social-care", asserted), "possible": [s115, referral]},
		{"input": question([referral, s115], "health", "social-care", asserted), "possible": [referral, s115]},
		{"input": question([s115, referral], "health", "social-care", []), "possible": [referral]},
		{"input": question([s115], "health", "housing", asserted), "possible": []},
		{"input": question([s213b], "health", "housing-authority", []), "possible": [s213b]},
		{"input": question([s213b], "health", "housing", []), "possible": []},
		{"input": question([s213b], "housing", "housing-authority", []), "possible": []},
		{"input": question(["revenue_consent"], "revenue", "social-care", []), "possible": ["revenue_consent"]},
		{"input": question(["revenue_consent"], "health", "social-care", []), "possible": []},
		{"input": question(["revenue_prohibition"], "revenue", "social-care", []), "possible": []},
		{"input": question(["magna_carta"], "health", "housing", []), "possible": []},
		{"input": object.union(question([referral], "health", "housing", []), {"now": 1}), "possible": []},
	] {
		found := gateway.possible with input as case.input
		found == case.possible
	}
}

test_unmet if {
	every case in [
		{"input": question([referral], "health", "housing", []), "unmet": set()},
		{
			"input": question([s115, s213b], "housing", "housing", []),
			"unmet": {
				"gateway.none",
				"gateway.s115.recipient",
				"gateway.s115.assertion",
				"gateway.s213b.provider",
				"gateway.s213b.recipient",
			},
		},
		{"input": question([s115], "revenue", "social-care", asserted), "unmet": {"prohibition.crca-s18"}},
		{"input": question(["revenue_consent"], "revenue", "social-care", []), "unmet": set()},
		{
			"input": question(["revenue_consent"], "health", "social-care", []),
			"unmet": {"gateway.none", "gateway.revenue-consent.provider"},
		},
	] {
		found := gateway.unmet with input as case.input
		found == case.unmet
	}
}

test_routes_of_a_person if {
	both := question([s115, referral], "health", "social-care", asserted)
	gateway.routes(t.agreed) == [s115, referral] with input as both
	gateway.routes(t.withdrawn) == [s115] with input as both
	gateway.person_unmet(t.withdrawn, [s115]) == set() with input as both
	only := question([referral], "health", "housing", [])
	gateway.routes(t.withdrawn) == [] with input as only
	codes := {"gateway.none", "gateway.direct-referral-consent.consent"}
	gateway.person_unmet(t.withdrawn, []) == codes with input as only
}

test_revenue_by_consent if {
	tax := question([s115, "revenue_consent"], "revenue", "social-care", asserted)
	gateway.routes(t.agreed) == [s115, "revenue_consent"] with input as tax
	gateway.person_unmet(t.agreed, [s115, "revenue_consent"]) == set() with input as tax
	gateway.routes(t.withdrawn) == [s115] with input as tax
	gateway.person_unmet(t.withdrawn, [s115]) == {"prohibition.crca-s18"} with input as tax
}

test_homeless if {
	duty := question([s213b], "health", "housing-authority", [])
	flags := ["may-be-homeless", "agreed-homelessness-referral", "agreed-contact-details"]
	person := object.union(t.agreed, {"flags": flags})
	gateway.routes(person) == [s213b] with input as duty
	gateway.person_unmet(t.agreed, []) == {
		"gateway.none",
		"gateway.s213b.homeless",
		"gateway.s213b.agreed-referral",
		"gateway.s213b.agreed-contact",
	} with input as duty
	gateway.person_unmet(object.union(t.withdrawn, {"flags": flags}), []) == {
		"gateway.none",
		"gateway.s213b.chosen-authority",
	} with input as duty
}

# Of its own people the requester discloses only that they are asked about.
test_the_requesters_own_people if {
	link := object.union(t.asking("operation", "link"), {"request": {"side": "requester"}})
	gateway.routes(t.withdrawn) == [referral] with input as link
}
