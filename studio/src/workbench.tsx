import "./base.css"; import "./theme";
