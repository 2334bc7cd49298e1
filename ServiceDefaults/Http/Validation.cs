using System.Collections;
using System.Collections.Concurrent;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using OpsPlatform.ServiceDefaults.Auth;

namespace OpsPlatform.ServiceDefaults.Http;

/// <summary>The root that endpoints hang on.</summary>
public static class ApiExtensions
{
    /// <summary>A group whose requests are validated and whose callers need at least the role.</summary>
    /// <param name="role">Roles.Service for what the platform's own services call: a higher role set on an endpoint comes on top, so none admits them otherwise.</param>
    public static RouteGroupBuilder MapApi(this IEndpointRouteBuilder app, string prefix, string role = Roles.Viewer)
    {
        var group = app.MapGroup(prefix).RequireAuthorization(role);
        group.AddEndpointFilterFactory(Validation.Filter);
        return group;
    }
}

/// <summary>Checks DataAnnotations on request records, on properties and on positional parameters, through nested records and lists.</summary>
internal static class Validation
{
    private const int MaxDepth = 8;
    private static readonly ConcurrentDictionary<Type, (PropertyInfo Property, ValidationAttribute[] Rules)[]> Shapes = new();

    public static EndpointFilterDelegate Filter(EndpointFilterFactoryContext factory, EndpointFilterDelegate next)
    {
        var checkedArguments = factory.MethodInfo.GetParameters()
            .Select((parameter, index) => (parameter, index))
            .Where(x => IsRecordOfOurs(x.parameter.ParameterType) && x.parameter.ParameterType.Name.EndsWith("Request", StringComparison.Ordinal))
            .Select(x => x.index)
            .ToArray();
        return checkedArguments.Length == 0 ? next : async context =>
        {
            var errors = new Dictionary<string, string[]>();
            foreach (var index in checkedArguments)
            {
                Check(context.Arguments[index], "", errors, 0);
            }

            return errors.Count == 0
                ? await next(context)
                : TypedResults.ValidationProblem(errors, "See errors for each value.", title: "Some values are not acceptable.", type: Problem.Type("invalid"));
        };
    }

    private static bool IsRecordOfOurs(Type type) => type.IsClass && type.Namespace?.StartsWith("OpsPlatform", StringComparison.Ordinal) == true;

    private static void Check(object? value, string path, Dictionary<string, string[]> errors, int depth)
    {
        if (value is null || depth > MaxDepth)
        {
            return;
        }

        if (value is IEnumerable list and not string)
        {
            var index = 0;
            foreach (var item in list)
            {
                var itemPath = $"{path}[{index++}]";
                if (item is null)
                {
                    errors[itemPath] = ["must not be null"];
                }

                Check(item, itemPath, errors, depth + 1);
            }

            return;
        }

        if (!IsRecordOfOurs(value.GetType()))
        {
            return;
        }

        foreach (var (property, rules) in Shapes.GetOrAdd(value.GetType(), Shape))
        {
            var member = property.GetValue(value);
            var name = JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            var memberPath = path.Length == 0 ? name : $"{path}.{name}";
            var context = new ValidationContext(value) { MemberName = property.Name, DisplayName = name };
            var messages = rules.Select(rule => Result(rule, member, context)).OfType<ValidationResult>()
                .Select(result => result.ErrorMessage ?? "is not acceptable").ToArray();
            if (messages.Length > 0)
            {
                errors[memberPath] = messages;
            }
            else if (Unstorable(member) is { } reason)
            {
                errors[memberPath] = [reason];
            }

            Check(member, memberPath, errors, depth + 1);
        }

        if (value is IValidatableObject self)
        {
            foreach (var result in self.Validate(new ValidationContext(value)))
            {
                foreach (var name in result.MemberNames.DefaultIfEmpty("").Select(JsonNamingPolicy.CamelCase.ConvertName))
                {
                    errors[path.Length == 0 ? name : $"{path}.{name}"] = [result.ErrorMessage ?? "is not acceptable"];
                }
            }
        }
    }

    /// <summary>
    /// The database takes no U+0000. It would refuse, but so late that a statement being prepared at that moment is spoilt for the next
    /// request on the same connection.
    /// </summary>
    private static string? Unstorable(object? member) => member switch
    {
        string text when text.Contains('\0', StringComparison.Ordinal) => "must not hold the character U+0000",
        IEnumerable<string> list when list.Any(text => text?.Contains('\0', StringComparison.Ordinal) == true) => "must not hold the character U+0000",
        JsonElement { ValueKind: not JsonValueKind.Undefined } json when json.GetRawText().Contains("\\u0000", StringComparison.Ordinal) => "must not hold the character U+0000",
        Guid id when id == Guid.Empty => "must not be the nil uuid, which is nobody's",
        IEnumerable<Guid> ids when ids.Contains(Guid.Empty) => "must not hold the nil uuid, which is nobody's",
        _ => null,
    };

    /// <summary>The framework's own pattern rule passes over an empty text; here it has to fit like any other.</summary>
    private static ValidationResult? Result(ValidationAttribute rule, object? member, ValidationContext context) =>
        rule is RegularExpressionAttribute pattern && member is "" && !Regex.IsMatch("", $"^(?:{pattern.Pattern})$")
            ? new(pattern.FormatErrorMessage(context.DisplayName))
            : rule.GetValidationResult(member, context) is { } wrong ? LengthOf(rule, member) ?? wrong : null;

    /// <summary>The framework speaks of string or array types; here it is said how many there are and how many there may be.</summary>
    private static ValidationResult? LengthOf(ValidationAttribute rule, object? member)
    {
        var (least, most) = rule switch
        {
            MinLengthAttribute min => (min.Length, int.MaxValue),
            MaxLengthAttribute max => (0, max.Length),
            LengthAttribute length => (length.MinimumLength, length.MaximumLength),
            _ => default,
        };
        return member switch
        {
            string text when most > 0 => new(Told(text.Length, "characters")),
            ICollection list when most > 0 => new(Told(list.Count, "entries")),
            _ => null,
        };

        string Told(int count, string what) => count < least
            ? $"is too short: it has {count} {what} and needs at least {least}"
            : $"is too long: it has {count} {what} and may have at most {most}";
    }

    private static (PropertyInfo Property, ValidationAttribute[] Rules)[] Shape(Type type)
    {
        var parameters = type.GetConstructors().OrderByDescending(c => c.GetParameters().Length).FirstOrDefault()?.GetParameters() ?? [];
        return [.. type.GetProperties().Where(property => property.CanWrite && property.GetIndexParameters().Length == 0).Select(property => (
            property,
            property.GetCustomAttributes<ValidationAttribute>()
                .Concat(parameters.FirstOrDefault(p => p.Name == property.Name)?.GetCustomAttributes<ValidationAttribute>() ?? [])
                .ToArray()))];
    }
}
