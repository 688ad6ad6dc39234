import type { PriorityName } from '../../client/index.ts'
import { me } from '../store/session.ts'
import { words } from '../store/settings.ts'

/** The most urgent first. */
export const LEVELS: readonly PriorityName[] = ['URGENT', 'HIGH', 'NORMAL', 'LOW']

/** Those that the caller may ask for, the most urgent first. */
export function allowedLevels(): readonly PriorityName[] {
  return LEVELS.slice(LEVELS.indexOf(me().max_priority_name))
}

interface Props {
  readonly value: PriorityName
  readonly levels: readonly PriorityName[]
  readonly choose: (level: PriorityName, menu: HTMLSelectElement) => void
  /** Where no label stands around it. */
  readonly label?: string
  readonly kind?: string
}

/** A menu of levels; the one that is chosen is there whatever the caller may ask for. */
export function LevelSelect({ value, levels, choose, label, kind }: Props) {
  return (
    <select
      class={kind}
      aria-label={label}
      value={value}
      onChange={({ currentTarget: menu }) => choose(menu.value as PriorityName, menu)}
    >
      {LEVELS.filter((level) => level === value || levels.includes(level)).map((level) => (
        <option value={level}>{words().level[level]}</option>
      ))}
    </select>
  )
}
