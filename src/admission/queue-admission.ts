import type { Admission } from './admission.ts'

/** The only way in, as requests use it: one process has {@link Admission}, several have their own over a database. */
export type QueueAdmission = Pick<
  Admission,
  | 'intake'
  | 'placeOf'
  | 'knows'
  | 'receiveKey'
  | 'refusal'
  | 'check'
  | 'submit'
  | 'submitAll'
  | 'cancel'
  | 'reprioritise'
>
