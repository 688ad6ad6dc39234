import { useSignal } from '@preact/signals'
import type { BulkOperation, BulkReply, PriorityName, TaskFilter } from '../../client/index.ts'
import { count } from '../store/format.ts'
import { client, noteFailure } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'
import { Confirm } from './confirm.tsx'
import { LEVELS, LevelSelect } from './level-select.tsx'

/** For how many it would be done, and whether there are more. */
function toText({ done, refused, has_more: hasMore }: BulkReply): string {
  const { bulk } = screenWords()
  return `${bulk.would(count(done), count(refused))}${hasMore ? ` ${bulk.more}` : ''}`
}

interface Props {
  /** Ids; empty: all that the filter finds. */
  readonly selected: ReadonlySet<string>
  readonly filter: TaskFilter
  readonly done: () => void
}

/** Does one thing to many tasks, after it has shown to how many. */
export function BulkBar({ selected, filter, done }: Props) {
  const { bulk, tasks: said } = screenWords()
  const { common } = words()
  const level = useSignal<PriorityName>('HIGH')
  const tried = useSignal<{ readonly operation: BulkOperation; readonly reply: BulkReply } | null>(null)
  const message = useSignal('')
  const hasFilter = Object.keys(filter).length > 0
  const hasTasks = selected.size > 0 || hasFilter
  if (!hasTasks) {
    return message.value === '' ? null : (
      <p class="bulk" role="status">
        {message.value}
      </p>
    )
  }

  const which = selected.size > 0 ? { ids: [...selected] } : { filter }
  // What is confirmed is what was counted, whatever the filter finds meanwhile.
  const run = async (operation: BulkOperation, isTrial: boolean) => {
    try {
      const meant = isTrial ? which : { ids: tried.value?.reply.task_ids ?? [] }
      const reply = await client.tasks.bulk({ ...operation, ...meant, dry_run: isTrial })
      if (isTrial) tried.value = { operation, reply }
      else {
        tried.value = null
        message.value = bulk.done(count(reply.done), count(reply.refused))
        done()
      }
    } catch (error) {
      tried.value = null
      message.value = noteFailure(error)
    }
  }
  const button = (operation: BulkOperation, title: string) => (
    <button type="button" class="button" onClick={() => void run(operation, true)}>
      {title}
    </button>
  )
  return (
    <div class="bulk" role="group" aria-label={said.selected(count(selected.size))}>
      <span class="note">{selected.size > 0 ? said.selected(count(selected.size)) : said.allMatching}</span>
      {button({ op: 'retry' }, bulk.retry)}
      {button({ op: 'cancel' }, bulk.cancel)}
      {button({ op: 'delete' }, bulk.delete)}
      <LevelSelect
        label={common.level}
        value={level.value}
        levels={LEVELS}
        choose={(chosen) => (level.value = chosen)}
      />
      {button({ op: 'priority', priority: level.value }, bulk.priority)}
      {message.value !== '' && <span role="status">{message.value}</span>}
      {tried.value !== null && (
        <Confirm
          title={bulk[tried.value.operation.op]}
          text={toText(tried.value.reply)}
          action={bulk.confirm(count(tried.value.reply.done))}
          isPossible={tried.value.reply.done > 0}
          close={() => (tried.value = null)}
          confirm={() => tried.value !== null && run(tried.value.operation, false)}
        />
      )}
    </div>
  )
}
