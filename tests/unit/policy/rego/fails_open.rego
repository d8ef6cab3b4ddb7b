package example.fails_open

import data.exchange.choice

default everybody := true

bad if to_number(input.age) < 0

rule_that_errs if not bad

builtin if not to_number(input.age) < 0

function_elsewhere(person) if not choice.agreed(person)

deep if {
	every name in input.names {
		found := {part | some part in input.parts; not startswith(part, name)}
		count(found) == 0
	}
}

whole_package if not data.exchange.choice.review

hidden_operand if not count(input.names) == 0

inside_a_list if not [bad, 1] == input.names

comprehension if not {x | some x in input.names} == set()
