# METADATA
# title: Minimisation
# description: Agreed, needed for this purpose, kept no longer than agreed, in a form the node can make.
package exchange.attribute

import data.exchange.agreement

conditions := {
	"attribute.agreed",
	"attribute.necessary",
	"attribute.retention",
	"attribute.category",
	"attribute.transform",
}

unmet(name) := conditions - {code | some code in conditions; holds(code, name)}

holds("attribute.agreed", name) if agreement.fields[name].name == name

holds("attribute.necessary", name) if input.request.purpose in agreement.fields[name].necessary_for

holds("attribute.retention", name) if {
	agreement.fields[name].retention_days > 0
	agreement.fields[name].retention_days <= input.agreement.deletion_days
}

holds("attribute.category", name) if is_boolean(data.law.categories[agreement.fields[name].category].confidential)

holds("attribute.transform", name) if agreement.fields[name].transform in data.law.transforms

effect(field) := "release" if field.transform == "exact"

effect(field) := "transform" if field.transform != "exact"
