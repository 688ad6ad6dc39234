/** A source file beside another one, by its name without ending: `.ts` in a checkout, `.js` in the package. */
export function ownFile(name: string, baseUrl: string): URL {
  return new URL(`${name}.${baseUrl.endsWith('.ts') ? 'ts' : 'js'}`, baseUrl)
}
