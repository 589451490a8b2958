# cmake -D ZIC=... -D RULES=tzdata.zi -D OUT=zone_rules.S -P embed.cmake
#
# Compiles the time zone rules with zic and writes an assembler file that holds them all:
#   switchyard_zone_rules          per zone: a byte n, n bytes of name, 4 bytes (little-endian) size, the TZif file
#   switchyard_zone_rules_end
#   switchyard_zone_rules_version  the version in the first line of the rules, with a zero byte
file(STRINGS ${RULES} first LIMIT_COUNT 1)
if(NOT first MATCHES "^# version ([0-9]+[a-z]+)$")
  message(FATAL_ERROR "${RULES} does not begin with '# version ...': take tzdata.zi as a release of tzdata has it")
endif()
set(version ${CMAKE_MATCH_1})

set(folder ${OUT}.d)
file(REMOVE_RECURSE ${folder})
execute_process(COMMAND ${ZIC} -b slim -d ${folder} ${RULES} RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${ZIC} refuses ${RULES}")
endif()

file(GLOB_RECURSE names RELATIVE ${folder} ${folder}/*)
list(SORT names)
set(records "")
foreach(name ${names})
  string(LENGTH ${name} length)
  string(APPEND records
    "  .byte ${length}\n  .ascii \"${name}\"\n  .4byte 2f - 1f\n1: .incbin \"${folder}/${name}\"\n2:\n")
endforeach()
file(WRITE ${OUT} "  .section .rodata
  .global switchyard_zone_rules, switchyard_zone_rules_end, switchyard_zone_rules_version
switchyard_zone_rules_version:
  .asciz \"${version}\"
switchyard_zone_rules:
${records}switchyard_zone_rules_end:
  .byte 0
  .section .note.GNU-stack, \"\", %progbits
")
