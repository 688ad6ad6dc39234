import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Controls } from '../../client/index.ts'
import { change, controls as state, type Scope } from '../store/controls.ts'
import { clock } from '../store/format.ts'
import { client, me } from '../store/session.ts'
import { screenWords } from '../store/settings.ts'
import { Action, Section } from './small.tsx'

const SCOPES: readonly Scope[] = ['intake', 'processing']

/** Tasks of one type or one caller that are paused while others are not. */
export function PausedGroups() {
  const { controls } = screenWords()
  const scope = useSignal<Scope>('processing')
  const type = useSignal('')
  const caller = useSignal('')
  const group = {
    ...(type.value === '' ? {} : { type: type.value }),
    ...(caller.value === '' ? {} : { caller: caller.value }),
  }
  return (
    <Section title={controls.groups}>
      <p class="note">{controls.groupsMeaning}</p>
      {state.value?.paused_groups.map((each) => (
        <PausedGroup key={`${each.scope} ${each.type} ${each.caller}`} group={each} />
      ))}
      <Form label={controls.groups}>
        <Select title={controls.scope} value={scope.value} set={(value) => (scope.value = value as Scope)}>
          {SCOPES.map((each) => (
            <option value={each}>{controls[each]}</option>
          ))}
        </Select>
        <Select title={controls.type} value={type.value} set={(value) => (type.value = value)}>
          <option value="">{controls.all}</option>
          {me().types.map((each) => (
            <option value={each.type}>{each.type}</option>
          ))}
        </Select>
        <label>
          {controls.caller}
          <input
            placeholder={controls.everyone}
            value={caller.value}
            onInput={(event) => (caller.value = event.currentTarget.value)}
          />
        </label>
        <Action
          run={() => change(() => client.queue.pause(scope.value, group))}
          disabled={type.value === '' && caller.value === ''}
          label={`${controls.pause}: ${controls.groups}`}
        >
          {controls.pause}
        </Action>
      </Form>
    </Section>
  )
}

function PausedGroup({ group }: { readonly group: Controls['paused_groups'][number] }) {
  const { controls } = screenWords()
  const { scope, type, caller, by, at } = group
  const name = [controls[scope], type, caller].filter((part) => part !== null).join(' · ')
  return (
    <p class="inline">
      <span class="pill warn">{controls.off}</span>
      <span class="grow">
        {name} <span class="note">{controls.by(by, clock(at))}</span>
      </span>
      <Action
        run={() =>
          change(() =>
            client.queue.resume(scope, {
              ...(type === null ? {} : { type }),
              ...(caller === null ? {} : { caller }),
            }),
          )
        }
        label={`${controls.resume}: ${name}`}
      >
        {controls.resume}
      </Action>
    </p>
  )
}

interface SelectProps {
  readonly title: string
  readonly value: string
  readonly set: (value: string) => void
  readonly children: ComponentChildren
}

function Select({ title, value, set, children }: SelectProps) {
  return (
    <label>
      {title}
      <select value={value} onChange={(event) => set(event.currentTarget.value)}>
        {children}
      </select>
    </label>
  )
}

export function Form({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <form class="inline" aria-label={label} onSubmit={(event) => event.preventDefault()}>
      {children}
    </form>
  )
}
