// Edits of a published version of a device template: which of them break nothing, and so are made in place. Pure.
//
// Devices, their values, exported files and programs that read them name a version and rely on what it says. An edit breaks
// nothing when whatever was good by the version before is good by it after: every value that fitted still fits, and every
// field that was defined still is, with the same type. Settings and properties are not added in place either: devices of
// this version have no value for them (IoT Central made the same difference). Names, units, categories of events and
// initial values, which only devices made from now on get, are free. See docs/decisions/0017-template-edits.md.

import { own } from "./input.ts";
import type { SettingForm } from "./device-template.ts";
import type { EnumValue, TemplateBreak, TemplateContent } from "./device-template.ts";

/** What devices and readers of `before` rely on and `after` takes away; empty when the edit can be made in place. */
export function breaksOf(before: TemplateContent, after: TemplateContent): readonly TemplateBreak[] {
  return [
    ...sectionBreaks("measurements.telemetry", before.measurements.telemetry, after.measurements.telemetry),
    ...sectionBreaks("measurements.states", before.measurements.states, after.measurements.states),
    ...sectionBreaks("measurements.events", before.measurements.events, after.measurements.events),
    ...formBreaks(before.settings.form ?? "wrapped", after.settings.form ?? "wrapped"),
    ...sectionBreaks("settings.device", before.settings.device, after.settings.device),
    ...sectionBreaks("properties.cloud", before.properties.cloud, after.properties.cloud),
    ...sectionBreaks("properties.device", before.properties.device, after.properties.device),
  ];
}

function formBreaks(was: SettingForm, is: SettingForm): readonly TemplateBreak[] {
  if (was === is) return [];
  const field = "settings.form";
  return [{ field, message: `${field} was ${was} and would be ${is}: devices of this version read the former.` }];
}

/** What of a definition matters here; each kind of field has some of it. */
interface Definition {
  readonly name: string;
  readonly dataType?: string | undefined;
  readonly minValue?: number | undefined;
  readonly maxValue?: number | undefined;
  readonly values?: readonly EnumValue[] | undefined;
}
type Definitions = Readonly<Record<string, Definition>>;

function sectionBreaks(section: string, before: Definitions, after: Definitions): readonly TemplateBreak[] {
  const breaks: TemplateBreak[] = [];
  for (const [name, was] of Object.entries(before)) {
    const field = `${section}.${name}`;
    const is = own(after, name);
    if (is === undefined) breaks.push({ field, message: `${field} is no longer defined there.` });
    else breaks.push(...fieldBreaks(field, was, is));
  }
  if (section.startsWith("measurements.")) return breaks;
  for (const name of Object.keys(after)) {
    const field = `${section}.${name}`;
    if (own(before, name) === undefined) {
      breaks.push({ field, message: `${field} is new, and devices of this version have no value for it.` });
    }
  }
  return breaks;
}

function fieldBreaks(field: string, was: Definition, is: Definition): readonly TemplateBreak[] {
  if (was.dataType !== is.dataType) {
    const path = `${field}.dataType`;
    return [{ field: path, message: `${path} was ${String(was.dataType)} and would be ${String(is.dataType)}.` }];
  }
  const breaks: TemplateBreak[] = [];
  if (is.minValue !== undefined && (was.minValue === undefined || is.minValue > was.minValue)) {
    const path = `${field}.minValue`;
    breaks.push({ field: path, message: `${path} was ${was.minValue ?? "none"} and would rise to ${is.minValue}.` });
  }
  if (is.maxValue !== undefined && (was.maxValue === undefined || is.maxValue < was.maxValue)) {
    const path = `${field}.maxValue`;
    breaks.push({ field: path, message: `${path} was ${was.maxValue ?? "none"} and would fall to ${is.maxValue}.` });
  }
  const values = new Set((is.values ?? []).map(({ value }) => value));
  for (const { value } of was.values ?? []) {
    if (values.has(value)) continue;
    const path = `${field}.values`;
    breaks.push({ field: path, message: `${path} would lose ${JSON.stringify(value)}.` });
  }
  return breaks;
}
