# METADATA
# title: The agreement covers the question
# description: In force, between these parties, for this purpose, asked by someone who may ask.
package exchange.agreement

conditions := {
	"agreement.active",
	"agreement.version",
	"agreement.valid-from",
	"agreement.valid-to",
	"agreement.review-by",
	"agreement.dpia-review",
	"agreement.requester",
	"agreement.provider",
	"agreement.purpose",
	"agreement.flow",
	"agreement.attributes-named",
	"agreement.asker",
	"agreement.assertions",
}

unmet := conditions - {code | some code in conditions; holds(code)}

holds("agreement.active") if input.agreement.status == "active"

holds("agreement.version") if {
	input.request.agreement == input.agreement.id
	input.request.version == input.agreement.version
	input.request.agreement_digest == input.agreement.digest
}

holds("agreement.valid-from") if input.agreement.valid_from <= input.now

holds("agreement.valid-to") if input.now < input.agreement.valid_to

holds("agreement.review-by") if input.now < input.agreement.review_by

holds("agreement.dpia-review") if input.now < input.agreement.dpia_review_by

holds("agreement.requester") if listed(input.request.requester)

holds("agreement.provider") if listed(input.request.provider)

holds("agreement.purpose") if {
	some purpose in input.agreement.purposes
	purpose.id == input.request.purpose
}

holds("agreement.flow") if count(flows) == 1

holds("agreement.attributes-named") if count(input.request.attributes) > 0

# An officer writes agreements, an administrator runs the node; neither asks.
holds("agreement.asker") if input.request.user_role == "analyst"

holds("agreement.assertions") if {
	every assertion in input.request.assertions { assertion.at <= input.now }
}

# The organisation as the federation's manifest knows it is the party that signed.
listed(organisation) if {
	some party in input.agreement.parties
	party.org == organisation.org
	party.type == organisation.type
	party.role == organisation.role
	party.regime == organisation.regime
	party.role in {"controller", "joint"}
}

flows := [flow |
	some flow in input.agreement.flows
	flow.from == input.request.provider.org
	flow.to == input.request.requester.org
	input.request.purpose in flow.purposes
]

# METADATA
# description: The one flow from the provider to the requester for the purpose; undefined where there is none.
flow := flows[0] if count(flows) == 1

fields := {field.name: field | some field in flow.attributes}
