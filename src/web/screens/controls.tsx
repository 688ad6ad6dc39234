import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Controls as State } from '../../client/index.ts'
import { Form, PausedGroups } from '../parts/paused-groups.tsx'
import { Action, Empty, Section } from '../parts/small.tsx'
import { board } from '../store/board.ts'
import { change, controls as state, type Scope } from '../store/controls.ts'
import { clock, count } from '../store/format.ts'
import { client, isOperator, noteFailure } from '../store/session.ts'
import { screenWords, words } from '../store/settings.ts'

export function Controls() {
  const { controls } = screenWords()
  const stats = board.value?.stats
  const seen = `${stats?.holds.join()} ${stats?.draining} ${stats?.max_workers} ${stats?.max_queue_size}`
  useEffect(() => {
    // Another operator may have changed something.
    if (isOperator()) change(() => client.queue.config()).catch(noteFailure)
  }, [seen])
  if (!isOperator()) return <Empty>{controls.operators}</Empty>
  if (stats === undefined) return <Empty>{words().app.loading}</Empty>
  const isIntakeOpen = !stats.holds.includes('intake') && !stats.draining
  const isProcessing = !stats.holds.includes('processing')
  return (
    <>
      <h1>{controls.title}</h1>
      <p class="lead">{controls.lead}</p>
      <div class="columns">
        <Switch scope="intake" isOn={isIntakeOpen} title={controls.intake} meaning={controls.intakeMeaning} />
        <Switch
          scope="processing"
          isOn={isProcessing}
          title={controls.processing}
          meaning={controls.processingMeaning}
        />
      </div>
      <div class="columns">
        <Setting
          name="max_workers"
          title={controls.workers}
          meaning={controls.workersMeaning}
          now={stats.max_workers}
          set={(value) => client.queue.configure({ max_workers: value })}
        />
        <Setting
          name="max_queue_size"
          title={controls.places}
          meaning={controls.placesMeaning}
          now={stats.max_queue_size}
          set={(value) => client.queue.configure({ max_queue_size: value })}
        />
      </div>
      {stats.resources.length > 0 && (
        <Section title={controls.resources}>
          <p class="note">{controls.resourcesMeaning}</p>
          {stats.resources.map(({ name }) => (
            <ResourceSetting key={name} name={name} />
          ))}
        </Section>
      )}
      <PausedGroups />
      <Drain isDraining={stats.draining} />
    </>
  )
}

interface SwitchProps {
  readonly scope: Scope
  readonly isOn: boolean
  readonly title: string
  readonly meaning: string
}

function Switch({ scope, isOn, title, meaning }: SwitchProps) {
  const { controls } = screenWords()
  return (
    <Section
      title={title}
      aside={<span class={`pill ${isOn ? 'good' : 'warn'}`}>{isOn ? controls.on : controls.off}</span>}
    >
      <p class="note">{meaning}</p>
      <Changed name={scope} />
      <Action
        label={`${isOn ? controls.pause : controls.resume}: ${title}`}
        run={() => change(() => (isOn ? client.queue.pause(scope) : client.queue.resume(scope)))}
      >
        {isOn ? controls.pause : controls.resume}
      </Action>
    </Section>
  )
}

/** The setting that a change replaces, and who made it; nothing where nothing was changed. */
function Changed({ name }: { readonly name: string }) {
  const { controls } = screenWords()
  const found = state.value?.changed.find((each) => each.name === name)
  if (found === undefined) return null
  const isBound = found.name.startsWith('max_') || found.name.startsWith('resources.')
  return (
    <p class="note">
      {isBound && `${controls.setting} ${found.setting || '–'} · `}
      {controls.by(found.by, clock(found.at))}
    </p>
  )
}

interface SettingProps {
  readonly name: string
  readonly title: string
  readonly meaning: string
  readonly now: number
  readonly set: (value: number) => Promise<State>
}

function Setting({ name, title, meaning, now, set }: SettingProps) {
  const { controls } = screenWords()
  const value = useSignal(`${now}`)
  return (
    <Section title={title} aside={<span class="note">{`${controls.now} ${count(now)}`}</span>}>
      <p class="note">{meaning}</p>
      <Changed name={name} />
      <Form label={title}>
        <input
          type="number"
          min={0}
          aria-label={title}
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
        <Action
          run={() => change(() => set(Number(value.value)))}
          disabled={!/^\d+$/.test(value.value)}
          label={`${controls.set}: ${title}`}
        >
          {controls.set}
        </Action>
      </Form>
    </Section>
  )
}

function ResourceSetting({ name }: { readonly name: string }) {
  const { controls } = screenWords()
  const value = useSignal('')
  const now = state.value?.resources[name]
  return (
    <Form label={name}>
      <label class="grow">
        {now === undefined ? name : `${name} · ${controls.now} ${now || '–'}`}
        <input
          placeholder="concurrency=1-6"
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
      </label>
      <Action
        run={() => change(() => client.queue.configure({ resources: { [name]: value.value } }))}
        disabled={value.value.trim() === ''}
        label={`${controls.set}: ${name}`}
      >
        {controls.set}
      </Action>
      <Changed name={`resources.${name}`} />
    </Form>
  )
}

const DRAIN = 'drain'

/** It ends the intake for good, so it is confirmed by a word. */
function Drain({ isDraining }: { readonly isDraining: boolean }) {
  const { controls } = screenWords()
  const typed = useSignal('')
  return (
    <Section title={controls.drain}>
      <p class="note">{controls.drainMeaning}</p>
      {isDraining && <Changed name="intake" />}
      {isDraining ? (
        <Action
          run={() => change(() => client.queue.resume('intake'))}
          label={`${controls.resume}: ${controls.drain}`}
        >
          {controls.resume}
        </Action>
      ) : (
        <Form label={controls.drain}>
          <label>
            {controls.drainAsk}
            <input
              autocomplete="off"
              value={typed.value}
              onInput={(event) => (typed.value = event.currentTarget.value)}
            />
          </label>
          <Action
            kind="danger"
            run={() => change(() => client.queue.drain())}
            disabled={typed.value !== DRAIN}
          >
            {controls.drain}
          </Action>
        </Form>
      )}
    </Section>
  )
}
