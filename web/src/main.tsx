// The page begins here.

import { createRoot } from "react-dom/client";
import { App } from "./app/app.tsx";
import "./app/page.css";

const place = document.querySelector("#page");
if (place === null) throw new Error("index.html has no element with the id page.");
createRoot(place).render(<App />);
