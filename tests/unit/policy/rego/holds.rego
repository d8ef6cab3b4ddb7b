package example.holds

import data.law

default nobody := false

comparison if not input.age < 18

table if not input.transform in data.law.transforms

imported_table if not input.transform in law.transforms

local if {
	some consent in input.consents
	not consent.withdrawn_at > 0
}

type_test if not is_string(input.age)
