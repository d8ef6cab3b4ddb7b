# METADATA
# title: The person's choices
# description: Consent, objection, opt-out, restriction, and who the agreement leaves out. One class of facts at a time.
package exchange.choice

import data.exchange.agreement

conditions := {"choice.restriction", "choice.objection", "choice.excluded", "choice.cohort-consent"}

unmet(facts) := conditions - {code | some code in conditions; holds(code, facts)}

# The requester's own people before the linkage: belonging to the cohort is all that is disclosed then.
default cohort_side := false

cohort_side if {
	input.request.side == "requester"
	input.request.operation == "link"
}

holds("choice.restriction", facts) if facts.restriction == false

holds("choice.objection", facts) if facts.objection == false

holds("choice.excluded", facts) if {
	marks := (({mark | some mark in facts.flags} | {facts.age_band}) | deceased(facts)) | risk(facts)
	marks & {mark | some mark in input.agreement.population.exclusions} == set()
}

holds("choice.cohort-consent", _) if cohort_side == false

holds("choice.cohort-consent", _) if input.agreement.reverse_disclosure.consent == false

holds("choice.cohort-consent", facts) if agreed(facts)

deceased(facts) := set() if facts.deceased == false

else := {"deceased"}

risk(facts) := set() if facts.at_risk == false

else := {"at-risk"}

field_conditions := {"choice.opt-out"}

field_unmet(name, facts) := field_conditions - {code |
	some code in field_conditions
	field_holds(code, name, facts)
}

field_holds("choice.opt-out", _, facts) if facts.opt_out == false

# The national data opt-out is about confidential patient information, beyond individual care, without the person's
# own consent to this very sharing.
field_holds("choice.opt-out", name, _) if {
	input.agreement.opt_out_rule == "national"
	data.law.categories[agreement.fields[name].category].patient == false
}

field_holds("choice.opt-out", _, _) if {
	input.agreement.opt_out_rule == "national"
	some purpose in input.agreement.purposes
	purpose.id == input.request.purpose
	purpose.individual_care == true
}

field_holds("choice.opt-out", _, facts) if {
	input.agreement.opt_out_rule == "national"
	agreed(facts)
}

field_holds("choice.opt-out", _, _) if {
	input.agreement.opt_out_rule == "national"
	cohort_side
}

# METADATA
# description: A person objects and a person decides; until then nothing is released.
review(facts) if facts.objection == true

else := false

# METADATA
# description: The person has agreed to every scope that the agreement names, for this purpose, and has not withdrawn.
agreed(facts) if {
	count(agreement.flow.consent_scopes) > 0
	every scope in agreement.flow.consent_scopes { agreed_to(scope, facts) }
}

agreed_to(scope, facts) if {
	some consent in facts.consents
	consent.scope == scope
	input.request.purpose in consent.purposes
	consent.withdrawn_at == 0
	consent.from <= input.now
	input.now < consent.to
	every other in facts.consents { leaves_standing(other, consent) }
}

# A withdrawal ends every consent to the same scope and purpose given before it, or at the same moment.
leaves_standing(other, consent) if other.scope != consent.scope

leaves_standing(other, consent) if other.withdrawn_at < consent.from

# A withdrawal that names no purpose is about all of them.
leaves_standing(other, _) if {
	count(other.purposes) > 0
	every purpose in other.purposes { purpose != input.request.purpose }
}
