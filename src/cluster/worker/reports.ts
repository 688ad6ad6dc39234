import type { Report } from '../../handler/ports.ts'
import type { TaskJournal } from '../../journal/journal.ts'
import { toReportChange } from '../../lifecycle/transitions.ts'
import { HeadgateError } from '../../task/errors.ts'
import { isTerminal } from '../../task/status.ts'
import { toTaskEvent } from '../../task/event.ts'
import { changeTask } from '../../task/task.ts'
import type { Publisher } from '../hints/publisher.ts'
import type { Run } from './run.ts'

export interface ReportDeps {
  readonly journal: Pick<TaskJournal, 'append' | 'find'>
  readonly publisher: Publisher
  /** Epoch ms. */
  readonly now: () => number
}

/** A report that meets another writer is written again after a look at the newest version. */
const MAX_TRIES = 5

/** Writes what a handler reports, unless its run is over. */
export async function writeReport(run: Run, report: Report, deps: ReportDeps): Promise<void> {
  const { journal, publisher, now } = deps
  for (let left = MAX_TRIES; left > 0 && !run.isLost; left -= 1) {
    const task = changeTask(run.task, toReportChange(report))
    const entry = { task, event: toTaskEvent(task, report, now()) }
    try {
      await journal.append(entry)
      run.task = task
      publisher.committed([entry])
      return
    } catch (error) {
      if (!(error instanceof HeadgateError) || error.code !== 'stale-run') throw error
      const newest = await journal.find(run.id)
      if (newest?.run !== run.run || isTerminal(newest.status)) return
      run.task = newest
    }
  }
}
