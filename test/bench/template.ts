/**
 * Replaces each `{{name}}` of a configuration template.
 * @throws Error when the template names something that is not given
 */
export function fillTemplate(template: string, values: Record<string, string | number>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`template names {{${name}}}, given are ${Object.keys(values).join(", ")}`);
    return String(value);
  });
}
