# METADATA
# title: The linkage is as the agreement wants it
# description: Method, caps, precision, and what the provider learns of the cohort. -1 says "not known yet".
package exchange.linkage

conditions := {
	"linkage.method",
	"linkage.cohort-rows",
	"linkage.links",
	"linkage.precision",
	"linkage.reverse-covered",
	"linkage.reverse-special",
	"linkage.reverse-offence",
}

unmet := conditions - {code | some code in conditions; holds(code)}

holds("linkage.method") if input.request.linkage.method in input.agreement.linkage.methods

holds("linkage.cohort-rows") if input.request.linkage.cohort_rows == -1

holds("linkage.cohort-rows") if {
	input.request.linkage.cohort_rows >= 0
	input.request.linkage.cohort_rows <= input.agreement.linkage.max_cohort_rows
}

# Before the linkage nobody knows its links or its precision; at the release both must be known.
holds("linkage.links") if input.request.operation in {"ask", "link"}

holds("linkage.links") if {
	input.request.linkage.links >= 0
	input.request.linkage.links <= input.agreement.linkage.max_links
}

holds("linkage.precision") if input.request.operation in {"ask", "link"}

holds("linkage.precision") if {
	input.request.linkage.precision_bp >= 0
	input.request.linkage.precision_bp >= input.agreement.linkage.minimum_precision_bp
}

holds("linkage.reverse-covered") if input.agreement.reverse_disclosure.covered == true

holds("linkage.reverse-special") if input.agreement.population.special == false

holds("linkage.reverse-special") if input.agreement.reverse_disclosure.special == true

holds("linkage.reverse-offence") if input.agreement.population.offence == false

holds("linkage.reverse-offence") if input.agreement.reverse_disclosure.offence == true
