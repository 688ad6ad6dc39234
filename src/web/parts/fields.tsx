import { screenWords } from '../store/settings.ts'

/** What of a JSON Schema a form is made of. */
interface FieldSchema {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly FieldSchema[]
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly format?: string
}

export interface InputSchema extends FieldSchema {
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly required?: readonly string[]
}

interface Props {
  readonly schema: InputSchema
  readonly values: Readonly<Record<string, string>>
  readonly change: (name: string, value: string) => void
  /** Fields that have a place of their own. */
  readonly without: readonly string[]
}

/** A form for any input that is an object of plain fields; what is not plain is written as JSON. */
export function Fields({ schema, values, change, without }: Props) {
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => !without.includes(name))
  return (
    <>
      {fields.map(([name, field]) => (
        <label key={name} class="field">
          <span>
            {name}
            {schema.required?.includes(name) === true && field.default === undefined && (
              <span class="note"> {screenWords().submit.required}</span>
            )}
          </span>
          <Field name={name} schema={field} value={values[name] ?? ''} change={change} />
          {field.description !== undefined && <span class="note">{field.description}</span>}
        </label>
      ))}
    </>
  )
}

interface FieldProps {
  readonly name: string
  readonly schema: FieldSchema
  readonly value: string
  readonly change: (name: string, value: string) => void
}

function Field({ name, schema, value, change }: FieldProps) {
  const options = optionsOf(schema)
  if (options !== null) {
    return (
      <select value={value} onChange={(event) => change(name, event.currentTarget.value)}>
        <option value="">{toText(schema.default)}</option>
        {options.map((option) => (
          <option value={String(option)}>{String(option)}</option>
        ))}
      </select>
    )
  }
  if (isLongText(name, schema)) {
    return <textarea rows={4} value={value} onInput={(event) => change(name, event.currentTarget.value)} />
  }
  const placeholder = toText(schema.default)
  const onInput = (event: { readonly currentTarget: HTMLInputElement }) =>
    change(name, event.currentTarget.value)
  if (schema.type === 'number' || schema.type === 'integer') {
    const { minimum: min, maximum: max } = schema
    const step = schema.type === 'integer' ? 1 : 'any'
    return <input type="number" {...{ min, max, step, placeholder, value, onInput }} />
  }
  const { maxLength } = schema
  return schema.format === 'uri' ? (
    <input type="url" {...{ maxLength, placeholder, value, onInput }} />
  ) : (
    <input type="text" {...{ maxLength, placeholder, value, onInput }} />
  )
}

/** A value as a field holds it. */
export function toText(value: unknown): string {
  if (value == null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function optionsOf(schema: FieldSchema): readonly unknown[] | null {
  if (schema.type === 'boolean') return [true, false]
  if (schema.enum !== undefined) return schema.enum
  if (schema.anyOf?.some((each) => each.type === 'boolean') === true) return [true, false]
  const values = schema.anyOf?.flatMap((each) => each.enum ?? [])
  return values === undefined || values.length === 0 ? null : values
}

function isLongText(name: string, { type, maxLength }: FieldSchema): boolean {
  return (
    name === 'text' ||
    type === 'object' ||
    type === 'array' ||
    (type === 'string' && (maxLength ?? 0) > 500 && name !== 'url')
  )
}

/** The input that a form says, each field in the type of its schema; empty fields are left out. */
export function toInput(
  schema: InputSchema,
  values: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const given = Object.entries(values).filter(
    ([name, value]) => value !== '' && schema.properties?.[name] !== undefined,
  )
  return Object.fromEntries(
    given.map(([name, value]) => [name, toValue(schema.properties?.[name] ?? {}, value)]),
  )
}

function toValue(schema: FieldSchema, text: string): unknown {
  const option = optionsOf(schema)?.find((each) => String(each) === text)
  if (option !== undefined) return option
  if (schema.type === 'number' || schema.type === 'integer') return Number(text)
  if (schema.type === 'object' || schema.type === 'array') return parse(text)
  return text
}

/** What is no JSON is sent as it is: the server says what is wrong with it. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
