/**
 * Settings whose values nobody is shown, neither in messages about the config, also where they are wrong, nor in the log. Addresses are among
 * them: they may hold a password, and that of a chat's webhook is one.
 */
export const SECRET_SETTINGS: readonly string[] = [
  'shared_key',
  'password',
  'token',
  'secret',
  'api_key',
  'url',
  'urls',
]

/** Whether the setting at a path is such a one, or in a list of such. */
export function isSecretSetting(path: readonly PropertyKey[]): boolean {
  return path.some(part => (SECRET_SETTINGS as readonly PropertyKey[]).includes(part))
}
