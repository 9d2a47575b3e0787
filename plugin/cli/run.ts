export async function runCommand(_config: string): Promise<void> {}
