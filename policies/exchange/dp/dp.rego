# METADATA
# title: UK GDPR and Data Protection Act 2018
# description: Article 6, Article 9 with Schedule 1, Article 10, and leaving Part 3.
# related_resources:
# - https://www.legislation.gov.uk/eur/2016/679
# - https://www.legislation.gov.uk/ukpga/2018/12
package exchange.dp

import data.exchange.agreement
import data.exchange.choice

conditions := {
	"dp.article-6",
	"dp.article-6-public-authority",
	"dp.article-9",
	"dp.schedule-1",
	"dp.policy-document",
	"dp.article-10",
	"dp.part-3",
}

unmet(name) := conditions - {code | some code in conditions; holds(code, name)}

holds("dp.article-6", _) if {
	count(agreement.flow.art6) > 0
	every term in agreement.flow.art6 { is_string(data.law.article6[term].title) }
}

# Consent, and legitimate interests, are no basis for a public authority's own tasks.
holds("dp.article-6-public-authority", _) if data.law.organisation_types[input.request.requester.type].public == false

holds("dp.article-6-public-authority", _) if {
	some term in agreement.flow.art6
	data.law.article6[term].public_authority == true
}

holds("dp.article-9", name) if agreement.fields[name].special == false

holds("dp.article-9", name) if {
	agreement.fields[name].special == true
	count(agreement.flow.art9) > 0
	every term in agreement.flow.art9 { is_string(data.law.article9[term].title) }
}

# A health diagnosis is special whatever the agreement calls it.
holds("dp.schedule-1", name) if {
	agreement.fields[name].special == false
	data.law.categories[agreement.fields[name].category].special == false
}

holds("dp.schedule-1", name) if {
	agreement.fields[name].special == true
	every term in agreement.flow.art9 { data.law.article9[term].schedule1 == false }
}

holds("dp.schedule-1", name) if {
	agreement.fields[name].special == true
	schedule1_known
}

holds("dp.policy-document", name) if {
	agreement.fields[name].special == false
	agreement.fields[name].offence == false
}

holds("dp.policy-document", _) if {
	every paragraph in input.agreement.schedule1 { data.law.schedule1[paragraph].policy_document == false }
}

holds("dp.policy-document", _) if input.agreement.policy_document == true

holds("dp.article-10", name) if {
	agreement.fields[name].offence == false
	data.law.categories[agreement.fields[name].category].offence == false
}

holds("dp.article-10", name) if {
	agreement.fields[name].offence == true
	schedule1_known
	some paragraph in input.agreement.schedule1
	data.law.schedule1[paragraph].offence == true
}

holds("dp.part-3", _) if input.request.requester.regime == input.request.provider.regime

holds("dp.part-3", _) if {
	input.request.provider.regime == "uk-gdpr"
	input.request.requester.regime == "part3"
}

holds("dp.part-3", _) if agreement.flow.crossing_authorised == true

schedule1_known if {
	count(input.agreement.schedule1) > 0
	every paragraph in input.agreement.schedule1 { is_string(data.law.schedule1[paragraph].title) }
}

person_conditions := {"dp.consent", "dp.explicit-consent"}

person_unmet(name, facts) := person_conditions - {code |
	some code in person_conditions
	person_holds(code, name, facts)
}

# The requester cannot know the provider's choices; the provider checks them.
person_holds(_, _, _) if choice.cohort_side

person_holds("dp.consent", _, _) if {
	some term in agreement.flow.art6
	data.law.article6[term].consent == false
}

person_holds("dp.consent", _, facts) if choice.agreed(facts)

person_holds("dp.explicit-consent", name, _) if agreement.fields[name].special == false

person_holds("dp.explicit-consent", _, _) if {
	some term in agreement.flow.art9
	data.law.article9[term].consent == false
}

person_holds("dp.explicit-consent", _, facts) if {
	choice.agreed(facts)
	"explicit-consent" in facts.flags
}

# METADATA
# description: The legal bases of a field, in the agreement's own order.
basis(field) := agreement.flow.art6 if field.special == false

basis(field) := array.concat(agreement.flow.art6, agreement.flow.art9) if field.special == true
