-- METHOD PATH [BODY [AUTHORIZATION]]: always the same request.
function init(args)
  local method, path, body, authorization = args[1], args[2], args[3], args[4]
  local json = { ["Content-Type"] = "application/json" }
  local text = method == "POST" and body:sub(1, 1) == "{" and wrk.format(method, path, json, body)
    or method == "POST" and form(path, body, authorization)
    or wrk.format(method, path, { ["Authorization"] = authorization })
  request = function() return text end
end
