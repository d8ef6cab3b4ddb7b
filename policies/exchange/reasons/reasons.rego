# METADATA
# title: Words for every reason
# description: The catalogue is data, so that a sentence can be mended without touching a rule.
package exchange.reasons

texts(codes) := {code: text(code) | some code in codes}

text(code) := data.reasons[code] if is_string(data.reasons[code].sentence)

else := {
	"statute": "default deny",
	"condition": code,
	"sentence": "A condition of the policy is not met.",
	"mend": "Report this code to whoever maintains the policy: it has no words yet.",
}
