# METADATA
# title: Commissioners for Revenue and Customs Act 2005, section 18 (prohibition)
# description: |
#   The revenue department discloses nothing, unless a named gateway or the consent of the person lifts the
#   prohibition. Wrongful disclosure is a crime (section 19). An emergency does not lift it.
# related_resources:
# - https://www.legislation.gov.uk/ukpga/2005/11/section/18
# custom:
#   citation: Commissioners for Revenue and Customs Act 2005, s. 18
#   extent: United Kingdom
#   in_force: "2005-04-18"
#   counsel_review: pending
package exchange.gateway.revenue_prohibition

conditions := {"prohibition.crca-s18"}

unmet(routes) := conditions - {code | some code in conditions; holds(code, routes)}

holds("prohibition.crca-s18", _) if data.law.organisation_types[input.request.provider.type].revenue == false

holds("prohibition.crca-s18", routes) if {
	some id in routes
	"crca-s18" in data.law.gateways[id].lifts
}
