using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using OpsPlatform.Contracts;

namespace OpsPlatform.Architecture.Tests;

/// <summary>What travels between services: the records of Contracts as lines, and an example of each.</summary>
internal static class ContractShape
{
    /// <summary>Types of Contracts that are code and never travel.</summary>
    private static readonly Type[] Code = [typeof(Topology), typeof(Subscription), typeof(RawJson)];

    public static IReadOnlyList<Type> Messages { get; } =
        [.. typeof(Topology).Assembly.GetExportedTypes().Except(Code).Where(type => type.IsClass).OrderBy(type => type.Name, StringComparer.Ordinal)];

    public static Dictionary<string, string> Lines()
    {
        Dictionary<string, string> lines = [];
        foreach (var message in Messages)
        {
            lines[$"message {NameOf(message)}"] = message.Namespace!;
            foreach (var parameter in Parameters(message))
            {
                lines[$"message {NameOf(message)}.{JsonNamingPolicy.CamelCase.ConvertName(parameter.Name!)}"] = Describe(parameter);
            }
        }

        lines["topology shards of changes"] = Topology.Shards.ToString(CultureInfo.InvariantCulture);
        foreach (var (place, queue) in Topology.ChangeQueues.Index())
        {
            lines[$"topology queue of changes {place}"] = queue;
        }

        foreach (var subscription in Topology.Subscriptions)
        {
            lines[$"topology {subscription.Message.Name} exchange event.{subscription.Message.Name} to {subscription.Service}"] = subscription.Queue;
        }

        return lines;
    }

    /// <summary>Generic ones with an order placed in them.</summary>
    public static Type Closed(Type message) => message.IsGenericTypeDefinition ? message.MakeGenericType(typeof(OrderPlaced)) : message;

    public static string NameOf(Type message) => message.Name.Split('`')[0];

    /// <summary>A message with a value everywhere, the same at every call.</summary>
    public static object Example(Type type)
    {
        if (type.IsGenericType && type.IsAssignableTo(typeof(IEnumerable)))
        {
            var items = Array.CreateInstance(type.GetGenericArguments()[0], 1);
            items.SetValue(Example(type.GetGenericArguments()[0]), 0);
            return items;
        }

        return Type.GetTypeCode(Nullable.GetUnderlyingType(type) ?? type) switch
        {
            TypeCode.String => "text",
            TypeCode.Int32 => 7,
            TypeCode.Int64 => 7_000_000_000L,
            TypeCode.Decimal => 1.250000m,
            TypeCode.Double => 12.5,
            TypeCode.Boolean => true,
            _ when (Nullable.GetUnderlyingType(type) ?? type) == typeof(Guid) => new Guid("01234567-89ab-7cde-8f01-23456789abcd"),
            _ when (Nullable.GetUnderlyingType(type) ?? type) == typeof(DateTimeOffset) => new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
            _ when type.GetMethod("<Clone>$") is not null => Activator.CreateInstance(type, [.. Parameters(type).Select(parameter => Value(type, parameter))])!,
            _ => throw new NotSupportedException($"Say in {nameof(ContractShape)}.{nameof(Example)} what a {type} looks like."),
        };
    }

    private static object? Value(Type message, ParameterInfo parameter) =>
        // What may hold itself again and again does not in the example.
        parameter.ParameterType.GenericTypeArguments.Contains(message) ? null
        : message.GetProperty(parameter.Name!)?.GetCustomAttribute<System.Text.Json.Serialization.JsonConverterAttribute>()?.ConverterType == typeof(RawJson) ? """{"text":1}"""
        : Example(parameter.ParameterType);

    private static ParameterInfo[] Parameters(Type message) => message.GetConstructors().OrderByDescending(constructor => constructor.GetParameters().Length).First().GetParameters();

    private static string Describe(ParameterInfo parameter)
    {
        var nullability = new NullabilityInfoContext().Create(parameter);
        var type = TypeOf(nullability);
        return parameter.HasDefaultValue ? $"{type} = {parameter.DefaultValue switch { null => "null", string text => $"'{text}'", var value => Convert.ToString(value, CultureInfo.InvariantCulture) }}" : type;
    }

    private static string TypeOf(NullabilityInfo info)
    {
        var type = Nullable.GetUnderlyingType(info.Type) ?? info.Type;
        var name = type.IsGenericType ? $"{NameOf(type)}<{string.Join(", ", info.GenericTypeArguments.Select(TypeOf))}>" : type.Name;
        return info.ReadState == NullabilityState.Nullable || Nullable.GetUnderlyingType(info.Type) is not null ? $"{name}?" : name;
    }
}
