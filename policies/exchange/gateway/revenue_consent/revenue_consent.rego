# METADATA
# title: Commissioners for Revenue and Customs Act 2005, section 18(2)(h)
# description: The revenue department may disclose with the consent of each person whom the information is about.
# related_resources:
# - https://www.legislation.gov.uk/ukpga/2005/11/section/18
# custom:
#   citation: Commissioners for Revenue and Customs Act 2005, s. 18(2)(h)
#   extent: United Kingdom
#   in_force: "2005-04-18"
#   counsel_review: pending
package exchange.gateway.revenue_consent

import data.exchange.choice

conditions := {"gateway.revenue-consent.provider"}

met := {code | some code in conditions; holds(code)}

holds("gateway.revenue-consent.provider") if data.law.organisation_types[input.request.provider.type].revenue == true

person_conditions := {"gateway.revenue-consent.consent"}

person_unmet(facts) := person_conditions - {code | some code in person_conditions; person_holds(code, facts)}

person_holds("gateway.revenue-consent.consent", facts) if choice.agreed(facts)
