# METADATA
# title: The input has the form that the rules expect
# description: |
#   The node checks every input before it asks (policy/input.py). This is the same for whoever asks the engine without
#   the node, since a missing list reads as an empty one in a comprehension: nothing to leave out, nothing withdrawn.
package exchange.shape

conditions := {"shape.question"}

unmet := conditions - {code | some code in conditions; holds(code)}

holds("shape.question") if {
	is_number(input.now)
	request(input.request)
	agreement(input.agreement)
}

request(it) if {
	every name in ["agreement", "agreement_digest", "id", "purpose", "user_role"] { is_string(it[name]) }
	it.operation in {"ask", "link", "release"}
	it.side in {"requester", "provider"}
	is_number(it.version)
	is_boolean(it.emergency)
	strings(it.attributes)
	organisation(it.requester)
	organisation(it.provider)
	is_string(it.linkage.method)
	every name in ["cohort_rows", "links", "precision_bp"] { is_number(it.linkage[name]) }
	is_array(it.assertions)
	every assertion in it.assertions {
		is_number(assertion.at)
		every name in ["by", "condition", "ref"] { is_string(assertion[name]) }
	}
}

organisation(it) if {
	every name in ["org", "regime", "role", "type"] { is_string(it[name]) }
}

agreement(it) if {
	every name in ["digest", "id", "onward_sharing", "status"] { is_string(it[name]) }
	every name in ["deletion_days", "dpia_review_by", "review_by", "valid_from", "valid_to", "version"] {
		is_number(it[name])
	}
	it.opt_out_rule in {"always", "national"}
	is_boolean(it.policy_document)
	strings(it.schedule1)
	strings(it.population.exclusions)
	every name in ["offence", "special"] { is_boolean(it.population[name]) }
	every name in ["consent", "covered", "offence", "special"] { is_boolean(it.reverse_disclosure[name]) }
	strings(it.linkage.methods)
	every name in ["max_cohort_rows", "max_links", "minimum_precision_bp"] { is_number(it.linkage[name]) }
	is_array(it.parties)
	every party in it.parties { organisation(party) }
	is_array(it.purposes)
	every purpose in it.purposes {
		is_string(purpose.id)
		is_boolean(purpose.individual_care)
	}
	is_array(it.flows)
	every flow in it.flows { well_formed_flow(flow) }
}

well_formed_flow(it) if {
	every name in ["confidentiality_route", "from", "id", "to"] { is_string(it[name]) }
	every name in ["art6", "art9", "consent_scopes", "gateways", "purposes"] { strings(it[name]) }
	is_boolean(it.crossing_authorised)
	is_array(it.attributes)
	every field in it.attributes {
		every name in ["category", "name", "transform"] { is_string(field[name]) }
		every name in ["offence", "special"] { is_boolean(field[name]) }
		is_number(field.retention_days)
		strings(field.necessary_for)
	}
}

strings(it) if {
	is_array(it)
	every item in it { is_string(item) }
}

person_conditions := {"shape.facts"}

person_unmet(facts) := person_conditions - {code | some code in person_conditions; person_holds(code, facts)}

person_holds("shape.facts", facts) if {
	is_string(facts.class)
	facts.age_band in {"unknown", "under-16", "16-17", "18-64", "65-plus"}
	every name in ["at_risk", "deceased", "objection", "opt_out", "restriction"] { is_boolean(facts[name]) }
	strings(facts.flags)
	is_array(facts.consents)
	every consent in facts.consents {
		is_string(consent.scope)
		strings(consent.purposes)
		every name in ["from", "to", "withdrawn_at"] { is_number(consent[name]) }
	}
}
