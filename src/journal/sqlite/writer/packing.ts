import type { EventRow, FixedRow, StateRow } from '../../rows.ts'
import type { MutationArgs, Write } from './mutations.ts'

/**
 * Writes as they are sent to the writing thread. Rows of tasks and events go as lists of their values: a copy of an object,
 * with the names of its members, takes seven times as long, most of it in the thread that waits for the disk.
 */
export type PackedWrite = PackedAdmit | PackedAppend | Exclude<Write, { name: 'admit' | 'append' }>
type PackedAdmit = ReturnType<typeof packAdmit>
type PackedAppend = ReturnType<typeof packAppend>

export function pack(write: Write): PackedWrite {
  if (write.name === 'append') return packAppend(write.args)
  return write.name === 'admit' ? packAdmit(write.args) : write
}

export function unpack(write: PackedWrite): Write {
  if (!('0' in write)) return write
  return write[0] === 'append' ? unpackAppend(write) : unpackAdmit(write)
}

function packAdmit([{ fixed, state, input, events }, key]: MutationArgs<'admit'>) {
  return ['admit', packFixed(fixed), packState(state), input, events.map(packEvent), key] as const
}

function unpackAdmit([name, fixed, state, input, events, key]: PackedAdmit): Write {
  const rows = {
    fixed: unpackFixed(fixed),
    state: unpackState(state),
    input,
    events: events.map(unpackEvent),
  }
  return { name, args: [rows, key] }
}

function packAppend([{ state, event, isEnd, isShared, result, delivery, dropped }]: MutationArgs<'append'>) {
  return ['append', packState(state), packEvent(event), isEnd, isShared, result, delivery, dropped] as const
}

function unpackAppend([name, state, event, isEnd, isShared, result, delivery, dropped]: PackedAppend): Write {
  const more = { isEnd, isShared, result, delivery, dropped }
  return { name, args: [{ state: unpackState(state), event: unpackEvent(event), ...more }] }
}

function packFixed({ type, caller, created_at, spool_id, content, fixed }: FixedRow) {
  return [type, caller, created_at, spool_id, content, fixed] as const
}

function unpackFixed([type, caller, created_at, spool_id, content, fixed]: ReturnType<
  typeof packFixed
>): FixedRow {
  return { type, caller, created_at, spool_id, content, fixed }
}

function packState({ id, priority, status, run, last_seq, finished_at, state }: StateRow) {
  return [id, priority, status, run, last_seq, finished_at, state] as const
}

function unpackState([id, priority, status, run, last_seq, finished_at, state]: ReturnType<
  typeof packState
>): StateRow {
  return { id, priority, status, run, last_seq, finished_at, state }
}

function packEvent({ seq, type, status, at, body }: EventRow) {
  return [seq, type, status, at, body] as const
}

function unpackEvent([seq, type, status, at, body]: ReturnType<typeof packEvent>): EventRow {
  return { seq, type, status, at, body }
}
