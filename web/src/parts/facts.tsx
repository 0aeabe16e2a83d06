// Facts about a thing: names and values, side by side where there is room.
//
//     <Facts facts={[["Kind", "Folder"], ["Added", <TimeText time={createdAt} />]]} />

import { makeStyles, tokens } from "@fluentui/react-components";
import { Fragment, type ReactNode } from "react";

const useStyles = makeStyles({
  facts: {
    display: "grid",
    gridTemplateColumns: "minmax(120px, max-content) minmax(0, 1fr)",
    columnGap: "24px",
    rowGap: "8px",
    margin: 0,
    alignItems: "baseline",
    "@media (max-width: 640px)": { gridTemplateColumns: "minmax(0, 1fr)", rowGap: "2px" },
  },
  name: { color: tokens.colorNeutralForeground3 },
  value: { margin: 0, overflowWrap: "anywhere", minWidth: 0, "@media (max-width: 640px)": { marginBottom: "8px" } },
});

export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  const styles = useStyles();
  return (
    <dl className={styles.facts}>
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt className={styles.name}>{name}</dt>
          <dd className={styles.value}>{value}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
