-- SPDX-License-Identifier: Apache-2.0 OR MIT
--
-- What scripts do with lua, for the test `lua`: numbers, tables, strings, files, errors, coroutines.

print(_VERSION, #arg, arg[1], arg[2])

-- A table large enough to make the collector work.
local numbers = {}
for i = 1, 200000 do numbers[i] = i * 7919 % 200003 end
table.sort(numbers)
local hash = 0
for _, value in ipairs(numbers) do hash = (hash * 31 + value) % 1000000007 end
print("sorted", #numbers, hash)

local function fibonacci(n)
    if n < 2 then return n end
    return fibonacci(n - 1) + fibonacci(n - 2)
end
print("fibonacci", fibonacci(24))

local words = {}
for i = 1, 20000 do
    local word = ("w%x"):format(i * i % 977)
    words[word] = (words[word] or 0) + 1
end
local names = {}
for word in pairs(words) do names[#names + 1] = word end
table.sort(names, function(a, b) return words[a] > words[b] or words[a] == words[b] and a < b end)
print("words", #names, names[1], words[names[1]], names[#names])

-- A file of a megabyte, written, read by lines, by blocks and from the middle.
local name = "out/lines"
local file = assert(io.open(name, "w"))
for i = 1, 30000 do file:write(("%d %s %.10g\n"):format(i, ("x"):rep(i % 29), i / 7)) end
file:close()
local lines, fields = 0, 0
for line in io.lines(name) do
    lines = lines + 1
    for _ in line:gmatch("%S+") do fields = fields + 1 end
end
file = assert(io.open(name, "r+"))
local size = file:seek("end")
file:seek("set", size // 2)
file:read("l")
print("file", lines, fields, size, file:read("l"))
file:seek("set", 0)
file:write("# replaced")
file:close()
print("moved", os.rename(name, "out/moved"), io.open(name))

local squares = coroutine.wrap(function()
    for i = 1, math.huge do coroutine.yield(i * i) end
end)
local taken = {}
for _ = 1, 10 do taken[#taken + 1] = squares() end
print("coroutine", table.concat(taken, " "))

local text = "The seed kernel runs unmodified programs"
print(text:upper(), text:gsub("%w+", function(word) return word:reverse() end))
print(("%q"):format("a\nb\0c"), utf8.char(228, 8364, 128512), text:byte(1, 5))
print(string.pack("<i4dz", 7, 1.5, "end"):byte(1, -1))
print(math.maxinteger // 3, 7 // -2, 7 % -3, 2 ^ 0.5, 1e300 * 1e10, 3 | 8 ~ 1, math.type(3.0))

local Account = {}
Account.__index = Account
Account.__add = function(a, b) return setmetatable({ sum = a.sum + b.sum }, Account) end
Account.__tostring = function(self) return "account of " .. self.sum end
print(tostring(setmetatable({ sum = 3 }, Account) + setmetatable({ sum = 4 }, Account)))

print(pcall(error, "thrown"), select(2, pcall(function() return nil + 1 end)))
print(xpcall(function() error({ code = 42 }) end, function(value) return value.code end))
local weak = setmetatable({}, { __mode = "k" })
weak[{}] = true
collectgarbage()
print("collected", next(weak) == nil)

print(os.getenv("MISSING"), os.remove("out/missing"))
io.stderr:write("to standard error\n")
os.exit(5)
