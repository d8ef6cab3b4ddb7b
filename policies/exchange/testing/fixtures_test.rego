# What the tests beside the rules share: a question that is granted, and a tenant who agreed.
package exchange.testing_test

agreement := {
	"id": "damp",
	"version": 1,
	"digest": "d",
	"status": "active",
	"parties": [
		{"org": "northgate-homes", "role": "controller", "type": "housing", "regime": "uk-gdpr"},
		{"org": "castle-nhs", "role": "controller", "type": "health", "regime": "uk-gdpr"},
	],
	"purposes": [{"id": "repairs", "individual_care": false}],
	"schedule1": ["para-2"],
	"policy_document": true,
	"flows": [{
		"id": "priority",
		"from": "castle-nhs",
		"to": "northgate-homes",
		"purposes": ["repairs"],
		"gateways": ["direct_referral_consent"],
		"art6": ["eu-gdpr:A6-1-e"],
		"art9": ["eu-gdpr:A9-2-h"],
		"confidentiality_route": "consent",
		"consent_scopes": ["northgate-homes"],
		"crossing_authorised": false,
		"attributes": [{
			"name": "breathing",
			"category": "health",
			"special": true,
			"offence": false,
			"necessary_for": ["repairs"],
			"retention_days": 90,
			"transform": "repair_priority",
		}],
	}],
	"linkage": {"methods": ["clk"], "minimum_precision_bp": 9800, "max_cohort_rows": 100, "max_links": 50},
	"reverse_disclosure": {"covered": true, "special": false, "offence": false, "consent": false},
	"population": {"special": false, "offence": false, "exclusions": ["deceased"]},
	"opt_out_rule": "always",
	"onward_sharing": "none",
	"valid_from": 2000000100,
	"valid_to": 2000000900,
	"review_by": 2000000900,
	"dpia_review_by": 2000000900,
	"deletion_days": 180,
}

question := {
	"v": 1,
	"now": 2000000500,
	"request": {
		"id": "r",
		"agreement": "damp",
		"version": 1,
		"agreement_digest": "d",
		"requester": {"org": "northgate-homes", "role": "controller", "type": "housing", "regime": "uk-gdpr"},
		"provider": {"org": "castle-nhs", "role": "controller", "type": "health", "regime": "uk-gdpr"},
		"purpose": "repairs",
		"operation": "release",
		"side": "provider",
		"attributes": ["breathing"],
		"assertions": [],
		"emergency": false,
		"user_role": "analyst",
		"linkage": {"method": "clk", "precision_bp": 9900, "cohort_rows": 100, "links": 50},
	},
	"agreement": agreement,
	"facts": [agreed],
}

agreed := {
	"class": "c0",
	"age_band": "18-64",
	"at_risk": false,
	"deceased": false,
	"consents": [{"scope": "northgate-homes", "purposes": ["repairs"], "from": 2000000100, "to": 2000000900, "withdrawn_at": 0}],
	"objection": false,
	"opt_out": false,
	"restriction": false,
	"flags": [],
}

withdrawn := object.union(agreed, {"consents": [{
	"scope": "northgate-homes",
	"purposes": ["repairs"],
	"from": 2000000100,
	"to": 2000000900,
	"withdrawn_at": 2000000400,
}]})

# The question with one field of the request, or of the agreement, replaced.
asking(field, value) := object.union(question, {"request": {field: value}})

agreeing(field, value) := object.union(question, {"agreement": {field: value}})

of_field(field, value) := object.union(question, {"agreement": {"flows": [object.union(
	agreement.flows[0],
	{"attributes": [object.union(agreement.flows[0].attributes[0], {field: value})]},
)]}})

of_flow(field, value) := object.union(question, {"agreement": {"flows": [object.union(
	agreement.flows[0],
	{field: value},
)]}})
