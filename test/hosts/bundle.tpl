host={{database.host}}
password={{database.password}}
data={{media}}
token={{secrets.elgg.token}}
