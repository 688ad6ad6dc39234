import { HeadgateError, type ErrorCode } from '../task/errors.ts'

export const EXIT_SETTINGS = 78
export const EXIT_FATAL = 70
/** Exit codes of a refused start (sysexits.h), so that a service manager can distinguish them. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  'journal-in-use': 73,
  'journal-missing': 66,
  'restore-unfinished': 66,
  'journal-moved': 66,
  'move-unfinished': 66,
  'journal-too-new': 65,
  'journal-corrupt': 65,
  'journal-failed': 74,
  'journal-unavailable': 69,
}

/** A mistake of the operator ends the process with one line; a defect of ours with its stack. */
export async function orExit<Value>(make: () => Value | Promise<Value>, dataDir?: string): Promise<Value> {
  try {
    return await make()
  } catch (error) {
    if (error instanceof HeadgateError)
      return exitWith(EXIT_CODES[error.code] ?? EXIT_SETTINGS, error.message)
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    return exitWith(EXIT_SETTINGS, `DATA_DIR="${dataDir}": ${(error as Error).message}`)
  }
}

export function exitWith(code: number, message: string): never {
  process.stderr.write(`headgate: ${message}\n`)
  process.exit(code)
}
