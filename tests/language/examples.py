"""Declarations that the tests of the language begin from."""

FACILITIES = """\
plugin: facilities
label: Facilities
core: ">=1,<2"

entities:
  request:
    label: Request
    title: "{code} {summary}"
    fields:
      code:     {type: sequence, number: "FAC-{seq:5}"}
      summary:  {type: text, required: true, max_length: 120}
      details:  {type: long_text}
      building: {type: reference, to: facilities.building, required: true}
      urgency:  {type: choice, options: [low, normal, urgent], default: normal}
      assignee: {type: person}
      due:      {type: datetime, read_only: true}
    workflow:
      states: [new, assigned, done]
      transitions:
        assign: {from: new, to: assigned, role: dispatcher, requires: assignee}
        finish: {from: assigned, to: done, role: technician}
        reopen: {from: done, to: new, role: requester}
    forms:
      report: {fields: [summary, building, urgency, details]}
    views:
      board: {kind: board, by: state, card: [code, summary, urgency, due]}
      late:  {kind: list, where: "due < now() and state != 'done'", sort: due}
    access:
      requester:  {read: own, create: [report]}
      dispatcher: {read: all, write: [urgency, assignee]}
      technician: {read: "assignee == me()"}
"""

BUILDING = """\
  building:
    fields: {name: {type: text, required: true}}
    access: {dispatcher: {read: all}}
"""

PEOPLE = """\
plugin: directory
entities:
  person:
    provides: person
    fields: {name: {type: text}, pay: {type: money, sensitive: true}}
    access: {core.everyone: {read: all}}
  department:
    provides: department
    fields: {code: {type: text}}
    access: {core.everyone: {read: all}}
"""

WARSAW = """\
overlay: facilities.request
department: warsaw-office
because: Our landlord bills by floor.
changes:
  - add_field: {name: floor, type: choice, options: [ground, first, second], after: building}
  - show:      {form: report, field: floor}
  - require:   details
  - relabel:   {field: urgency, label: How soon?}
  - add_view:  {name: by_floor, kind: report, group: floor, measure: count}
"""
