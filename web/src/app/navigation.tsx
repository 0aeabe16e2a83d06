// The main navigation: what one's role may use.

import { makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import {
  BoxMultipleRegular,
  CloudArrowUpRegular,
  DatabaseRegular,
  GaugeRegular,
  HistoryRegular,
  KeyRegular,
  PeopleRegular,
  PlugConnectedRegular,
  RouterRegular,
  ScalesRegular,
} from "@fluentui/react-icons";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { type Role, mayUse, useRole } from "../session/session.ts";

interface Item {
  readonly to: string;
  readonly label: string;
  readonly icon: ReactElement;
  readonly least: Role;
  /** Only this very path is the item's. */
  readonly isExact?: boolean;
}

const groups: readonly { readonly label: string | null; readonly items: readonly Item[] }[] = [
  {
    label: null,
    items: [
      { to: "/", label: "Dashboard", icon: <GaugeRegular />, least: "operator", isExact: true },
      { to: "/devices", label: "Device explorer", icon: <BoxMultipleRegular />, least: "operator" },
      { to: "/templates", label: "Device templates", icon: <ScalesRegular />, least: "operator" },
    ],
  },
  {
    label: "Administration",
    items: [
      { to: "/admin/exports", label: "Continuous Data Export", icon: <CloudArrowUpRegular />, least: "administrator" },
      { to: "/admin/storage", label: "Storage accounts", icon: <DatabaseRegular />, least: "administrator" },
      { to: "/admin/connection", label: "Device connection", icon: <RouterRegular />, least: "administrator" },
      { to: "/admin/policies", label: "Hub policies", icon: <PlugConnectedRegular />, least: "administrator" },
      { to: "/admin/users", label: "Users", icon: <PeopleRegular />, least: "administrator" },
      { to: "/admin/tokens", label: "API tokens", icon: <KeyRegular />, least: "administrator" },
      { to: "/admin/audit", label: "Audit log", icon: <HistoryRegular />, least: "administrator" },
    ],
  },
];

const useStyles = makeStyles({
  nav: { display: "flex", flexDirection: "column", padding: "10px 8px", rowGap: "2px" },
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", rowGap: "2px" },
  group: {
    margin: "14px 0 4px",
    padding: "0 10px",
    fontSize: tokens.fontSizeBase200,
    fontWeight: tokens.fontWeightSemibold,
    color: tokens.colorNeutralForeground3,
  },
  link: {
    display: "flex",
    alignItems: "center",
    columnGap: "10px",
    padding: "7px 10px",
    borderRadius: tokens.borderRadiusMedium,
    borderInlineStartWidth: "3px",
    borderInlineStartStyle: "solid",
    borderInlineStartColor: "transparent",
    color: tokens.colorNeutralForeground2,
    textDecorationLine: "none",
    "& svg": { fontSize: "20px", flexShrink: 0 },
    "&:hover": { backgroundColor: tokens.colorSubtleBackgroundHover, color: tokens.colorNeutralForeground1 },
    "&:focus-visible": { outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "-2px" },
  },
  active: {
    borderInlineStartColor: tokens.colorBrandStroke1,
    backgroundColor: tokens.colorSubtleBackgroundSelected,
    color: tokens.colorNeutralForeground1,
    fontWeight: tokens.fontWeightSemibold,
  },
});

/** @param onFollow  told when a link was followed: on narrow screens the navigation closes then. */
export function Navigation({ onFollow }: { readonly onFollow?: () => void }) {
  const styles = useStyles();
  const role = useRole();
  const groupsShown = groups
    .map(({ label, items }) => ({ label, items: items.filter(({ least }) => mayUse(role, least)) }))
    .filter(({ items }) => items.length > 0);
  return (
    <nav aria-label="Main" className={styles.nav}>
      {groupsShown.map(({ label, items }) => (
        <div key={label ?? ""}>
          {label !== null && <div className={styles.group}>{label}</div>}
          <ul className={styles.list} aria-label={label ?? "Hub"}>
            {items.map(({ to, label: name, icon, isExact = false }) => (
              <li key={to}>
                <Link
                  to={to}
                  className={styles.link}
                  activeOptions={{ exact: isExact }}
                  activeProps={{ className: mergeClasses(styles.link, styles.active) }}
                  {...(onFollow === undefined ? {} : { onClick: onFollow })}
                >
                  {icon}
                  {name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
