import type { ErrorCode } from '../../task/errors.ts'
import type { QueryName } from './reader/queries.ts'
import type { Row } from '../rows.ts'
import type { PackedWrite } from './writer/packing.ts'

/** Messages between the process and its two journal threads. */

export interface WriterData {
  readonly folder: string
  /** Disk space to set aside. */
  readonly reserveBytes: number
  /** The log is checkpointed after this many writes. */
  readonly writesPerCheckpoint: number
}

/** Writes of one turn of the event loop. */
export interface WriteBatch {
  /** Number of the first; the others follow. */
  readonly first: number
  readonly writes: readonly PackedWrite[]
}

export interface Fault {
  readonly code: ErrorCode
  readonly message: string
}

export type WriterMessage =
  | { readonly kind: 'opened'; readonly notes: readonly string[] }
  /** It could not be opened, or can no longer be written: nothing more is confirmed. */
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** Every write up to this number is durable, except those that the replies name. */
  | { readonly kind: 'written'; readonly upTo: number; readonly replies: readonly NumberedReply[] }
  /** These were refused before those around them are decided. */
  | { readonly kind: 'refused'; readonly replies: readonly NumberedReply[] }
  | { readonly kind: 'disk'; readonly isFull: boolean }
  | { readonly kind: 'closed' }

/** `fault`: this write alone was refused. */
export interface NumberedReply {
  readonly number: number
  readonly value?: unknown
  readonly fault?: Fault
}

export interface ReadRequest {
  readonly id: number
  readonly name: QueryName
  readonly args: readonly unknown[]
}

export type ReaderMessage =
  { readonly id: number; readonly rows: readonly Row[] } | { readonly id: number; readonly fault: Fault }
