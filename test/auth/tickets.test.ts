import { expect, test } from 'vitest'
import { newTicketSecret, Tickets } from '../../src/auth/tickets.ts'

const given = { taskId: '01a2-3', callerName: 'ann', role: 'caller', mayCancel: false } as const

test('a ticket holds its task and its caller', () => {
  const tickets = new Tickets(newTicketSecret())
  expect(tickets.read(tickets.issue(given))).toEqual(given)
})

test('a ticket that was changed anywhere, or sealed by another process, is none', () => {
  const tickets = new Tickets(newTicketSecret())
  const ticket = tickets.issue(given)
  for (let index = 0; index < ticket.length - 1; index += 1) {
    const changed = ticket.slice(0, index) + (ticket[index] === 'A' ? 'B' : 'A') + ticket.slice(index + 1)
    expect(tickets.read(changed), `${index}`).toBeUndefined()
  }
  const other = new Tickets(newTicketSecret()).issue(given)
  for (const bad of ['', '.', 'a.b', `${ticket}.`, `${ticket}.x`, other])
    expect(tickets.read(bad)).toBeUndefined()
})
