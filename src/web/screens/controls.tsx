import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { Action, Empty, Section } from '../parts/small.tsx'
import { board } from '../store/board.ts'
import { count } from '../store/format.ts'
import { client, isOperator } from '../store/session.ts'
import { words } from '../store/settings.ts'

export function Controls() {
  const { controls } = words()
  const stats = board.value?.stats
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
          title={controls.workers}
          meaning={controls.workersMeaning}
          now={stats.max_workers}
          set={(value) => client.queue.configure({ max_workers: value })}
        />
        <Setting
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
      <Drain isDraining={stats.draining} />
    </>
  )
}

interface SwitchProps {
  readonly scope: 'intake' | 'processing'
  readonly isOn: boolean
  readonly title: string
  readonly meaning: string
}

function Switch({ scope, isOn, title, meaning }: SwitchProps) {
  const { controls } = words()
  return (
    <Section
      title={title}
      aside={<span class={`pill ${isOn ? 'good' : 'warn'}`}>{isOn ? controls.on : controls.off}</span>}
    >
      <p class="note">{meaning}</p>
      <Action
        label={`${isOn ? controls.pause : controls.resume}: ${title}`}
        run={() => (isOn ? client.queue.pause(scope) : client.queue.resume(scope))}
      >
        {isOn ? controls.pause : controls.resume}
      </Action>
    </Section>
  )
}

interface SettingProps {
  readonly title: string
  readonly meaning: string
  readonly now: number
  readonly set: (value: number) => Promise<unknown>
}

function Setting({ title, meaning, now, set }: SettingProps) {
  const { controls } = words()
  const value = useSignal(`${now}`)
  return (
    <Section title={title} aside={<span class="note">{`${controls.now} ${count(now)}`}</span>}>
      <p class="note">{meaning}</p>
      <Form label={title}>
        <input
          type="number"
          min={0}
          aria-label={title}
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
        <Action
          run={() => set(Number(value.value))}
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
  const { controls } = words()
  const value = useSignal('')
  return (
    <Form label={name}>
      <label class="grow">
        {name}
        <input
          placeholder="concurrency=1-6"
          value={value.value}
          onInput={(event) => (value.value = event.currentTarget.value)}
        />
      </label>
      <Action
        run={() => client.queue.configure({ resources: { [name]: value.value } })}
        disabled={value.value.trim() === ''}
        label={`${controls.set}: ${name}`}
      >
        {controls.set}
      </Action>
    </Form>
  )
}

const DRAIN = 'drain'

/** It ends the intake for good, so it is confirmed by a word. */
function Drain({ isDraining }: { readonly isDraining: boolean }) {
  const { controls } = words()
  const typed = useSignal('')
  return (
    <Section title={controls.drain}>
      <p class="note">{controls.drainMeaning}</p>
      {isDraining ? (
        <Action run={() => client.queue.resume('intake')} label={`${controls.resume}: ${controls.drain}`}>
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
          <Action kind="danger" run={() => client.queue.drain()} disabled={typed.value !== DRAIN}>
            {controls.drain}
          </Action>
        </Form>
      )}
    </Section>
  )
}

function Form({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <form class="inline" aria-label={label} onSubmit={(event) => event.preventDefault()}>
      {children}
    </form>
  )
}
