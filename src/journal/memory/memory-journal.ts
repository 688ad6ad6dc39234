import { combineRows } from '../../history/minute.ts'
import { HeadgateError } from '../../task/errors.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import {
  toPastTask,
  type DeliveryJournal,
  type DuplicateJournal,
  type HistoryJournal,
  type Journal,
  type NewStep,
  type NoteJournal,
  type RecoveryJournal,
  type StepJournal,
} from '../journal.ts'
import { MemoryDeliveries } from './deliveries.ts'
import { Memory } from './records.ts'
import { MemoryRetention } from './memory-retention.ts'
import { FinishedTasks, type ShelfLimits } from './finished-tasks.ts'
import { MemoryTasks } from './memory-tasks.ts'

/** A journal that lasts as long as the process; the twin of the durable one for tests and trials. */
export function createMemoryJournal(options: ShelfLimits): Journal {
  const memory = new Memory()
  const finished = new FinishedTasks(memory, options)
  const deliveries: DeliveryJournal = new MemoryDeliveries(memory)
  return {
    tasks: new MemoryTasks(memory, finished),
    duplicates: findDuplicates(memory),
    steps: createSteps(memory),
    recovery: createRecovery(memory),
    retention: new MemoryRetention(memory),
    deliveries,
    notes: takeNotes(),
    history: takeMinutes(memory),
    health: { refusal: null },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function findDuplicates(memory: Memory): DuplicateJournal {
  const isWanted = (task: Task, caller: string, content: string) =>
    task.caller === caller && task.content === content && task.status === 'completed'
  return {
    saveKey: (record) => {
      memory.keys.set(JSON.stringify([record.caller, record.key]), record)
      return Promise.resolve()
    },
    keyed: (caller, key) => Promise.resolve(memory.keys.get(JSON.stringify([caller, key]))),
    completedWith: (caller, content) => {
      const found = memory.contents.get(content)?.filter((id) => {
        const task = memory.records.get(id)?.task
        return task !== undefined && isWanted(task, caller, content)
      })
      return Promise.resolve(found?.sort().at(-1))
    },
  }
}

function createSteps({ records, steps }: Memory): StepJournal {
  return {
    loadStep: (taskId, name) => Promise.resolve(steps.get(taskId)?.get(name)?.value),
    listSteps: (taskId) => {
      const saved = [...(steps.get(taskId) ?? [])].map(([name, { savedAt }]) => ({ name, savedAt }))
      return Promise.resolve(saved.sort((a, b) => a.savedAt - b.savedAt))
    },
    saveStep: ({ id: taskId, run }, step) => {
      const task = records.get(taskId)?.task
      if (task === undefined || task.run !== run || isTerminal(task.status)) {
        return Promise.reject(new HeadgateError('stale-run', `Run ${run} of task ${taskId} is over.`))
      }
      const values = steps.get(taskId) ?? new Map<string, NewStep>()
      steps.set(taskId, values.set(step.name, step))
      return Promise.resolve()
    },
  }
}

/** A process that starts finds nothing of those before it; a test may have put something there. */
function createRecovery({ records, totals, steps }: Memory): RecoveryJournal {
  return {
    unfinished: (afterId, limit) => {
      const live = [...records.values()].map(({ task }) => task).filter(({ status }) => !isTerminal(status))
      const from = afterId === null ? 0 : live.findIndex(({ id }) => id === afterId) + 1
      return Promise.resolve(live.slice(from, from + limit))
    },
    totals: () => Promise.resolve(Object.fromEntries(totals)),
    durations: (limit) => {
      const ended = [...records.values()]
        .map(({ task }) => task)
        .filter(({ status }) => status === 'completed')
        .sort((a, b) => (a.finishedAt ?? 0) - (b.finishedAt ?? 0))
      return Promise.resolve(ended.slice(-limit).map((task) => toPastTask(task)))
    },
    stepCount: (taskId) => Promise.resolve(steps.get(taskId)?.size ?? 0),
    newestId: () => Promise.resolve([...records.keys()].sort().at(-1) ?? null),
    spoolIds: () => Promise.resolve([...records.values()].flatMap(({ task }) => task.upload?.spoolId ?? [])),
  }
}

function takeMinutes({ minutes }: Memory): HistoryJournal {
  return {
    saveMinute: (minute, writer, row) => {
      minutes.set(`${minute} ${writer}`, { minute, row })
      return Promise.resolve()
    },
    minutes: (from, size) => {
      const wanted = [...minutes.values()].filter(({ minute }) => minute >= from)
      return Promise.resolve(combineRows(wanted, size))
    },
  }
}

function takeNotes(): NoteJournal {
  const notes = new Map<string, string>()
  return {
    loadNote: (name) => Promise.resolve(notes.get(name)),
    saveNote: (name, text) => {
      notes.set(name, text)
      return Promise.resolve()
    },
    keepNote: (name, text) => {
      const kept = notes.get(name) ?? text
      notes.set(name, kept)
      return Promise.resolve(kept)
    },
  }
}
