import { join } from 'node:path'
import { isInterfaceDeclaration, isTypeAliasDeclaration } from 'typescript/unstable/ast'
import {
  API,
  SignatureKind,
  SymbolFlags,
  type Checker,
  type Symbol,
  type Type,
} from 'typescript/unstable/sync'
import { ROOT } from './process.ts'

/** An interface, or an object type, through which something is handed what it works with. */
export interface DependencyGroup {
  readonly name: string
  /** Its members with methods, and the functions that it is handed; plain data and methods of its own do not count. */
  readonly collaborators: readonly string[]
}

/** Types of libraries come as they are. */
const LIBRARY = /\/node_modules\//

/**
 * The types of these files of `src/` with two collaborators or more that have methods, as the compiler sees them: with
 * everything that they inherit, pick and combine.
 */
export function listDependencyGroups(files: readonly string[]): readonly DependencyGroup[] {
  const api = new API({ cwd: ROOT })
  try {
    return listWith(api, files)
  } finally {
    api.close()
  }
}

function listWith(api: API, files: readonly string[]): readonly DependencyGroup[] {
  const config = join(ROOT, 'tsconfig.json')
  const project = api.updateSnapshot({ openProjects: [config] }).getProject(config)
  if (project === undefined) throw new Error(`${config} has no project`)
  const { checker, program } = project
  return files.flatMap((file) => {
    const statements = program.getSourceFile(join(ROOT, 'src', file))?.statements ?? []
    return statements.flatMap((node) => {
      if (!isInterfaceDeclaration(node) && !isTypeAliasDeclaration(node)) return []
      const symbol = checker.getSymbolAtLocation(node.name)
      const type = symbol && checker.getDeclaredTypeOfSymbol(symbol)
      return type === undefined ? [] : toGroup(`${file} ${node.name.text}`, type, checker)
    })
  })
}

function toGroup(name: string, type: Type, checker: Checker): readonly DependencyGroup[] {
  if (!isObject(type) || isFunction(type, checker)) return []
  const members = checker.getPropertiesOfType(type).filter((member) => !isOfLibrary(member))
  const typed = members.map((member) => ({ member, type: checker.getTypeOfSymbol(member) }))
  const services = typed.filter((each) => each.type !== undefined && hasMethods(each.type, checker))
  if (services.length < 2) return []
  const functions = typed.filter(
    (each) =>
      (each.member.flags & SymbolFlags.Method) === 0 &&
      each.type !== undefined &&
      isFunction(each.type, checker),
  )
  return [{ name, collaborators: [...services, ...functions].map(({ member }) => member.name) }]
}

function isOfLibrary({ declarations }: Symbol): boolean {
  return declarations.some(({ path }) => LIBRARY.test(path))
}

function isObject(type: Type): boolean {
  return type.isObjectType() || type.isIntersectionType()
}

function listAlternatives(type: Type): readonly Type[] {
  return type.isUnionType() ? type.getTypes() : [type]
}

function isFunction(type: Type, checker: Checker): boolean {
  return listAlternatives(type).some(
    (each) => isObject(each) && checker.getSignaturesOfType(each, SignatureKind.Call).length > 0,
  )
}

/** A class, or an object of functions; collections and dates are data. */
function hasMethods(type: Type, checker: Checker): boolean {
  return listAlternatives(type).some((each) => {
    if (!isObject(each) || checker.isArrayLikeType(each) || isFunction(each, checker)) return false
    if (DATA.has(each.getSymbol()?.name ?? '')) return false
    const types = checker.getPropertiesOfType(each).map((member) => checker.getTypeOfSymbol(member))
    return types.some((member) => member !== undefined && isFunction(member, checker))
  })
}

const DATA = new Set([
  'Date',
  'Error',
  'Map',
  'Promise',
  'ReadonlyMap',
  'ReadonlySet',
  'RegExp',
  'Set',
  'URL',
  'Uint8Array',
])
